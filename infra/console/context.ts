import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';

import { ApiError, type Failure } from './api.ts';
import type { ApiRequest } from './curl.ts';
import type { Format } from './format.ts';
import type { Session } from './session.ts';
import type { Texts } from './texts.ts';

/**
 * What every view of the console needs: the texts and formats of the operator's language, and the API of the service.
 */
export interface Console {
  readonly texts: Texts;
  readonly format: Format;
  readonly session: Session | undefined;
  /** The current time. The page updates this time every few seconds. */
  readonly nowMs: number;
  request<T>(request: ApiRequest): Promise<T>;
  has(scope: string): boolean;
}

export const ConsoleContext = createContext<Console>(undefined as unknown as Console);

export const useConsole = (): Console => useContext(ConsoleContext);

export interface Loaded<T> {
  /** The data of the last successful response. While newer requests fail, this data is kept. */
  readonly value?: T;
  readonly failure?: Failure;
  reload(): void;
}

/**
 * Sends a GET request to the API, and repeats it every `everyMs` milliseconds while the browser tab is visible. Sends
 * nothing if the path is undefined.
 */
export function useGet<T>(path: string | undefined, everyMs?: number): Loaded<T> {
  const { request } = useConsole();
  const [state, setState] = useState<{ path?: string; value?: T; failure?: Failure }>({});
  const [count, setCount] = useState(0);
  const latest = useRef(request);
  latest.current = request;

  useEffect(() => {
    if (path === undefined) return undefined;
    let isStopped = false;
    let isReading = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function read(wanted: string) {
      clearTimeout(timer);
      if (isReading) return;
      isReading = true;
      try {
        const value = await latest.current<T>({ method: 'GET', path: wanted });
        if (!isStopped) setState({ path: wanted, value });
      } catch (error) {
        const failure = failureOf(error);
        if (!isStopped) setState((before) => ({ ...(before.path === wanted ? before : {}), path: wanted, failure }));
      }
      isReading = false;
      if (!isStopped && everyMs !== undefined && !document.hidden) timer = setTimeout(() => void read(wanted), everyMs);
    }
    const onVisible = () => {
      if (everyMs !== undefined && !document.hidden) void read(path);
    };
    void read(path);
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      isStopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [path, everyMs, count]);

  const { value, failure } = state.path === path ? state : {};
  return { value, failure, reload: () => setCount((before) => before + 1) };
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return error.failure;
  throw error;
}
