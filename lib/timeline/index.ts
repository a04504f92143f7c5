export { messageRoute } from './route.ts';
export { createTimelines, type Timelines } from './read-timeline.ts';
export { exampleTimeline, steps, timelineSchema, timelineStep, type Timeline, type TimelineStep } from './schema.ts';
