// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./browser.d.ts" />
import { script, style } from 'browser:./main.tsx';

/** The script and the style of the operators' console. */
export const page: { readonly script: string; readonly style: string } = { script, style };
