import { removeNetwork } from 'surehop/deployment';

/**
 * CloudFormation invokes this function when it removes functions or event sources. The function waits until Lambda has
 * deleted their network interfaces.
 */
export const handler = removeNetwork(process.env);
