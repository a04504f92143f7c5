import { dev } from './dev.ts';
import { prod } from './prod.ts';
import { staging } from './staging.ts';

export { local } from './local.ts';

/** The settings of all stages that can be deployed, by the name of the stage. */
export const stages: Readonly<Record<string, unknown>> = { dev, staging, prod };
