export { AwsApiError, awsRequest, ec2Request, textsOf, type AwsAccess } from './aws-api.ts';
