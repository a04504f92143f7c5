/**
 * Returns an object's own property, and `undefined` for an inherited property. A name from outside the service may also
 * be the name of an inherited property, such as `constructor`.
 */
export const own = <T>(object: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;
