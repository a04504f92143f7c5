import { service } from '../../service.ts';
import type { Value } from '../template.ts';

/** The names of the values that the foundation stack exports and the service stack imports. */
export const exportNames = [
  'broker-arn',
  'broker-endpoint',
  'management-url',
  'administrator-login',
  'publisher-login',
  'consumer-login',
  'monitor-login',
  'signing-keys',
  'operators-issuer',
  'operators-client',
  'operators-pool',
  'private-subnets',
  'functions-security-group',
  'critical-topic',
  'warning-topic',
] as const;

export type ExportName = (typeof exportNames)[number];

const brokerStack = (stageName: string): string => `${service.name}-broker-${stageName}`;

/**
 * Returns the full name of a value that the foundation stack exports. The full name must be unique in the AWS account
 * and region.
 */
export const exported = (stageName: string, name: ExportName): string => `${brokerStack(stageName)}:${name}`;

/** Returns an expression with which the service stack imports a value from the foundation stack. */
export const imported = (stageName: string, name: ExportName): Value => ({
  'Fn::ImportValue': exported(stageName, name),
});
