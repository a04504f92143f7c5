/** The region and the credentials of all clients of a local DynamoDB, which accepts any region and any credentials. */
export const LOCAL_AWS = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
} as const;
