/**
 * The reason for each wildcard in an IAM policy statement, by the `Sid` of the statement. A test fails if a wildcard
 * has no reason here.
 */
export const wildcardReasons: Readonly<Record<string, string>> = {
  NetworkInterfaces:
    'Lambda creates the network interfaces, so their ARNs are unknown, and Describe actions do not support resources.',
  NetworkInterfacesAreNotForCode: 'The statement denies actions, so a wildcard is the safest choice.',
  RemovedEventSources:
    "Event sources have random ids; the condition allows only those of this stage's functions to be deleted.",
  EventSourcesLeft: 'The action only reads, and event sources have random ids.',
  NetworkInterfacesLeft: 'The action only reads, and Describe actions do not support resources.',
  TablesOfThisStage:
    "An endpoint policy only narrows what roles allow, and roles name each table. All table names begin with the stage's prefix.",
  AlarmStates:
    'The action only reads, and CloudWatch checks a request that lists alarms against the ARN of all alarms of the account and region.',
  AnswersToCloudFormation:
    'CloudFormation names the bucket after a region and the object after the request; the URL is presigned.',
  FunctionsOfThisStage:
    'The functions are deployed after this stack; all of their names begin with the name of the stage.',
  RolesOfThisStage: 'CloudFormation appends a random suffix to role names, which begin with the name of the stack.',
  LoginsOfThisStage: 'Secrets Manager appends a random suffix to the ARNs of secrets; roles name each secret.',
};
