import { service } from '../../service.ts';
import { ref, sub, type Resources, type Value } from '../template.ts';

const RESOURCE_SERVER = service.name;

/** The prefix of every scope in an operator's token: the identifier of the Cognito resource server, and a slash. */
export const SCOPE_PREFIX = `${RESOURCE_SERVER}/`;

/** Describes each scope that a route of the toolkit requires. */
export const toolkitScopes: Readonly<Record<string, string>> = {
  'dead-letters:read': 'List and read dead letters',
  'dead-letters:redrive': 'Send dead letters back, or discard them',
  'dead-letters:edit': 'Send edited messages in place of dead letters',
  'status:read': 'See how many messages wait in each queue',
};

/** Describes each scope that an operator's token can contain. */
export const scopes: Readonly<Record<string, string>> = { ...toolkitScopes, ...service.scopes };

const domainOf = (serviceName: string, stageName: string) => `${serviceName}-${stageName}-\${AWS::AccountId}`;

/** Returns the origin of Cognito's login page and token endpoint. */
export const loginOrigin = (serviceName: string, stageName: string): Value =>
  sub(`https://${domainOf(serviceName, stageName)}.auth.\${AWS::Region}.amazoncognito.com`);

/**
 * Returns the Cognito user pool of a stage, which issues operators' tokens to programs and to people who log in to the
 * console. Every stage has a user pool, even if the stage accepts only the tokens of another issuer.
 */
export const operators = (serviceName: string, stageName: string): Resources => ({
  Operators: {
    Type: 'AWS::Cognito::UserPool',
    DeletionPolicy: 'Delete',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      UserPoolName: `${serviceName}-${stageName}-operators`,
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
    },
  },
  OperatorsScopes: {
    Type: 'AWS::Cognito::UserPoolResourceServer',
    Properties: {
      UserPoolId: ref('Operators'),
      Identifier: RESOURCE_SERVER,
      Name: RESOURCE_SERVER,
      Scopes: Object.entries(scopes).map(([ScopeName, ScopeDescription]) => ({ ScopeName, ScopeDescription })),
    },
  },
  OperatorsDomain: {
    Type: 'AWS::Cognito::UserPoolDomain',
    Properties: { UserPoolId: ref('Operators'), Domain: sub(domainOf(serviceName, stageName)) },
  },
  OperatorsClient: {
    Type: 'AWS::Cognito::UserPoolClient',
    DependsOn: 'OperatorsScopes',
    Properties: {
      UserPoolId: ref('Operators'),
      ClientName: 'operators',
      GenerateSecret: true,
      SupportedIdentityProviders: ['COGNITO'],
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['client_credentials'],
      AllowedOAuthScopes: Object.keys(scopes).map((scope) => SCOPE_PREFIX + scope),
      AccessTokenValidity: 15,
      TokenValidityUnits: { AccessToken: 'minutes' },
    },
  },
});

/** Returns the issuer and the client id with which API Gateway verifies operators' tokens, and the id of the user pool. */
export const operatorsOutputs = (): Record<'operators-issuer' | 'operators-client' | 'operators-pool', Value> => ({
  'operators-issuer': sub('https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${Operators}'),
  'operators-client': ref('OperatorsClient'),
  'operators-pool': ref('Operators'),
});
