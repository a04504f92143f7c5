import { useEffect } from 'preact/hooks';

/** What the page asks before the operator leaves the view. Undefined if leaving the view loses nothing. */
let question: string | undefined;

/** Asks the operator a question before the operator leaves the view or closes the page. */
export function useLeaveQuestion(text: string | undefined): void {
  useEffect(() => {
    if (text === undefined) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    question = text;
    addEventListener('beforeunload', ask);
    return () => {
      question = undefined;
      removeEventListener('beforeunload', ask);
    };
  }, [text]);
}

/** Returns whether the operator leaves the view. Asks the operator if leaving the view loses something. */
export const mayLeave = (): boolean => question === undefined || confirm(question);
