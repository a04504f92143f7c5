export { deployTopology } from './deploy-topology.ts';
export { removeNetwork } from './remove-network.ts';
export { rotateLogin } from './rotate-login.ts';
export { type CustomResourceEvent } from '../aws/custom-resource.ts';
export { type RotationEvent } from '../aws/rotation.ts';
