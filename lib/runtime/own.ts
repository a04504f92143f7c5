/**
 * Returns the property of an object, or `undefined` if the object itself does not have the property. A name from
 * outside may also be the name of an inherited property, such as `constructor`.
 */
export const own = <T>(object: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;
