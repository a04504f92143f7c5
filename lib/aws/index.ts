export { AwsApiError, awsRequest, ec2Request, textsOf, type AwsAccess } from './aws-api.ts';
export { customResource, type Change, type CustomResourceEvent } from './custom-resource.ts';
export { removeEventSource, waitForFunctionInterfaces } from './removal.ts';
export { rotate, type RotationEvent } from './rotation.ts';
export { createSecretReader, secretsManager } from '../runtime/secrets.ts';
