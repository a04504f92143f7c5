// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./browser.d.ts" />
import { script, style } from 'browser:./main.tsx';

export const page: { readonly script: string; readonly style: string } = { script, style };
