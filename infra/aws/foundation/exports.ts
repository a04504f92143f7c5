import type { Value } from '../template.ts';

/** The exports of the foundation stack, which the service stack imports. */
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

/** The name of a stage's foundation stack. */
const brokerStack = (stageName: string): string => `surehop-broker-${stageName}`;

/** The full name of an export, which is unique in the account. */
export const exported = (stageName: string, name: ExportName): string => `${brokerStack(stageName)}:${name}`;

/** A value that the service stack imports from the foundation stack. */
export const imported = (stageName: string, name: ExportName): Value => ({
  'Fn::ImportValue': exported(stageName, name),
});
