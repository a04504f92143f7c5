import { ref, sub, type Resources, type Value } from '../template.ts';

const RESOURCE_SERVER = 'surehop';

/** Cognito puts the name of the resource server before every scope. */
export const SCOPE_PREFIX = `${RESOURCE_SERVER}/`;

/** What operators may do, one by one. */
const scopes = {
  'dead-letters:read': 'List and read dead letters',
  'dead-letters:redrive': 'Send dead letters back, or discard them',
  'stock:write': 'Set the stock',
  'status:read': 'See what waits where',
} as const;

/**
 * A user pool without users, which issues operators' tokens for the secret of its client. It is there whoever issues the tokens
 * (`operators` of the stage): its exports could not go while the functions' stack imports them, and unused it costs nothing.
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
  // The name is one of the whole region, so it ends with the account.
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

/** What API Gateway verifies tokens by. */
export const operatorsOutputs = (): { 'operators-issuer': Value; 'operators-client': Value } => ({
  'operators-issuer': sub('https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${Operators}'),
  'operators-client': ref('OperatorsClient'),
});
