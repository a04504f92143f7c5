/** Converts a name such as `order.paid` or `ship-order` to the name of a constant: `orderPaid`, `shipOrder`. */
export const camelCase = (name: string): string =>
  name.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '');

/** Returns the folder in `functions` for an event: `orders` for `order.paid`. */
export const folderOf = (type: string): string => {
  const [subject = ''] = type.split('.');
  return subject.endsWith('s') ? subject : `${subject}s`;
};

/** Formats a TypeScript call whose last argument is an object, on one line if the call fits. */
export function call(head: string, properties: readonly string[], indent: number): string {
  if (properties.length === 0) return `${head}${head.endsWith('(') ? '' : ', '}{})`;
  const separator = head.endsWith('(') ? '' : ', ';
  const line = `${head}${separator}{ ${properties.join(', ')} })`;
  if (line.length + indent + 1 <= 120) return line;
  return `${head}${separator}{\n${properties.map((property) => `  ${property},\n`).join('')}})`;
}
