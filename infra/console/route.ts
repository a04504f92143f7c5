/**
 * The view that the page shows, and the parameters of the view. The fragment of the page's address contains both, so
 * that operators can share the address.
 */
export interface Route {
  readonly view: string;
  /** The id of the dead letter, message or job that the view shows. */
  readonly id?: string;
  readonly query: Readonly<Record<string, string>>;
}

/** Parses the fragment of the page's address, for example `#/failures?queue=loans`. */
export function readRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [view = '', id] = path.split(/\/(.*)/s);
  return {
    view: view || 'overview',
    ...(id && { id: decode(id) }),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/**
 * Returns the fragment of the page's address that shows a view, for example `#/failures?queue=loans`. Leaves out
 * parameters that are empty or undefined.
 */
export function writeRoute(view: string, { id, query = {} }: { id?: string; query?: Query } = {}): string {
  const search = new URLSearchParams(given(query)).toString();
  const path = [view === 'overview' ? '' : view, ...(id === undefined ? [] : [encodeURIComponent(id)])].join('/');
  return `#/${path}${search && `?${search}`}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export const given = (query: Query): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, String(value)] as const],
    ),
  );

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
