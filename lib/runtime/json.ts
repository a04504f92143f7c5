/**
 * Parses JSON. A byte-order mark before the JSON is ignored, as RFC 8259 allows
 * (https://www.rfc-editor.org/rfc/rfc8259#section-8.1).
 */
export const parseJson = (text: string): unknown => JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
