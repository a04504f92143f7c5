import { ref, sub, type Resources, type Value } from '../template.ts';

const RESOURCE_SERVER = 'surehop';

/** The prefix of every scope: Cognito prepends the name of the resource server. */
export const SCOPE_PREFIX = `${RESOURCE_SERVER}/`;

/** The scopes that operators' tokens can contain. */
const scopes = {
  'dead-letters:read': 'List and read dead letters',
  'dead-letters:redrive': 'Send dead letters back, or discard them',
  'stock:write': 'Set the stock',
  'status:read': 'See what waits where',
} as const;

/**
 * A Cognito user pool without users, which issues operators' tokens for its client secret. Every stage has the pool, even if the
 * stage uses another issuer: CloudFormation cannot remove exports that the service stack imports, and an unused pool is free.
 */
export const operators = (service: string, stageName: string): Resources => ({
  Operators: {
    Type: 'AWS::Cognito::UserPool',
    DeletionPolicy: 'Delete',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      UserPoolName: `${service}-${stageName}-operators`,
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
  // Domain names are unique within a region, so the name ends with the account id.
  OperatorsDomain: {
    Type: 'AWS::Cognito::UserPoolDomain',
    Properties: { UserPoolId: ref('Operators'), Domain: sub(`${service}-${stageName}-\${AWS::AccountId}`) },
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

/** The values that API Gateway needs to verify operators' tokens. */
export const operatorsOutputs = (): { 'operators-issuer': Value; 'operators-client': Value } => ({
  'operators-issuer': sub('https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${Operators}'),
  'operators-client': ref('OperatorsClient'),
});
