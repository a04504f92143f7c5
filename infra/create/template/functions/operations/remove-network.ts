import { removeNetwork } from 'surehop/deployment';

/** CloudFormation invokes this function when it removes an event source or the functions. */
export const handler = removeNetwork(process.env);
