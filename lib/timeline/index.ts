export { messageRoute } from './route.ts';
export { createTimelines, type Timelines } from './read-timeline.ts';
export {
  exampleTimeline,
  steps,
  timelineSchema,
  timelineStep,
  type ConsumerState,
  type Timeline,
  type TimelineStep,
} from './schema.ts';
