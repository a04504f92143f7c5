import { expect } from '@jest/globals';

/** The other test folders contain tests of services in processes of their own, which would inherit the settings below. */
const FOLDERS = /[/\\]test[/\\](unit|contract|model)[/\\]/;

// Without these settings, Jest's report is hard to read between the log lines of the code under test. Tests that check
// log lines or metrics override the settings.
if (FOLDERS.test(expect.getState().testPath))
  Object.assign(process.env, { POWERTOOLS_LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' });
