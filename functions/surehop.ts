import { createSurehop } from '../lib/runtime/surehop.ts';

/** The toolkit as this service uses it: the only place in functions/ that reads the environment. */
export const surehop = createSurehop({ environment: process.env });
