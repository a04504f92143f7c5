export { consumer, type ConsumerDefinition } from './consumer.ts';
export { type ConsumerLimits } from './limits.ts';
export { on, type Decide, type Perform, type Rule, type RuleContext } from './rule.ts';
export { type RabbitMqEvent } from './delivery.ts';
export { type Identify } from './identify.ts';
export { type BatchReport } from './report.ts';
export { emit, reject, type Alternative, type Decision, type FollowUp } from '../inbox/decision.ts';
export { type AttributeCondition, type When } from '../dynamodb/conditions.ts';
export { type Effect } from '../dynamodb/effects.ts';
