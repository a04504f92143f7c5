import { stageSetting } from '../runtime/service-settings.ts';
import { defineSettings, word } from '../runtime/settings.ts';

/** The settings that `alarmStates` needs to find the alarms of a deployed stage. */
export const alarmSettings = defineSettings({
  ...stageSetting,
  CRITICAL_TOPIC_ARN: word({
    description: 'SNS topic that critical alarms notify',
    example: 'arn:aws:sns:eu-central-1:123456789012:critical',
  }),
  WARNING_TOPIC_ARN: word({
    description: 'SNS topic that the other alarms notify',
    example: 'arn:aws:sns:eu-central-1:123456789012:warning',
  }),
});
