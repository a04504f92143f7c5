import type { Value } from '../template.ts';

/** What the broker's stack exports, and the functions' stack imports. */
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
  'private-subnets',
  'functions-security-group',
  'critical-topic',
  'warning-topic',
] as const;

export type ExportName = (typeof exportNames)[number];

/** The broker's stack of a stage. */
const brokerStack = (stageName: string): string => `surehop-broker-${stageName}`;

/** The name that an export has in the account. */
export const exported = (stageName: string, name: ExportName): string => `${brokerStack(stageName)}:${name}`;

/** A value of the broker's stack, for the functions' stack. */
export const imported = (stageName: string, name: ExportName): Value => ({
  'Fn::ImportValue': exported(stageName, name),
});
