import { removeNetwork } from 'surehop/deployment';

/**
 * CloudFormation invokes this function when it removes functions or event sources. The function waits until Lambda has
 * deleted the network interfaces of the removed functions or event sources.
 */
export const handler = removeNetwork(process.env);
