import type { ConsoleConfiguration } from 'surehop/operations';

/** Reads the configuration that the function `console` wrote into the page. */
export const configuration = JSON.parse(document.querySelector('#configuration')!.textContent) as ConsoleConfiguration;
