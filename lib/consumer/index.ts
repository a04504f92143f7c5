export { consumer, type ConsumerDefinition } from './consumer.ts';
export { on, type Decide, type Perform, type Rule, type RuleContext } from './rule.ts';
export { type RabbitMqEvent } from './delivery.ts';
export { type BatchReport } from './report.ts';
export {
  emit,
  type Add,
  type Alternative,
  type Decision,
  type Effect,
  type FollowUp,
  type Put,
} from '../inbox/decision.ts';
