import { imported } from '../foundation/exports.ts';
import { loginOrigin, SCOPE_PREFIX, toolkitScopes } from '../foundation/operators.ts';
import type { Stage } from '../../stages/stage.ts';
import { routeOf, type FunctionDefinition } from '../serverless.ts';
import { ref, sub, type Resource, type Template, type Value } from '../template.ts';

const CLIENT = 'ConsoleClient';

const TOKEN_MINUTES = 15;
const REFRESH_HOURS = 8;

/** Returns whether a function serves the page of the operators' console. */
export function servesConsole(definition: Pick<FunctionDefinition, 'events'>): boolean {
  const route = routeOf(definition);
  return route?.method === 'GET' && route.path === '/console';
}

/** Returns the environment variables with the login settings of the operators' console. */
export function consoleEnvironment(
  service: string,
  stageName: string,
  { operators }: Pick<Stage, 'operators'>,
): Record<string, Value> {
  if (operators === 'cognito')
    return {
      JWT_ISSUER: imported(stageName, 'operators-issuer'),
      CONSOLE_CLIENT_ID: ref(CLIENT),
      CONSOLE_LOGIN_ORIGINS: loginOrigin(service, stageName),
    };
  const { consoleClient, loginOrigins = [] } = operators;
  return {
    ...(consoleClient !== undefined && { CONSOLE_CLIENT_ID: consoleClient }),
    ...(loginOrigins.length > 0 && { CONSOLE_LOGIN_ORIGINS: loginOrigins.join(',') }),
  };
}

/**
 * Adds the client of the operators' console to the Cognito user pool of the stage. The client has no secret, because a
 * web page cannot keep a secret. After a login, Cognito redirects only to the address of the console.
 */
export function addConsoleClient(resources: Template['Resources'], stageName: string): void {
  resources[CLIENT] = consoleClient(stageName);
  for (const resource of Object.values(resources)) {
    if (resource.Type !== 'AWS::ApiGatewayV2::Authorizer') continue;
    const { JwtConfiguration: jwt } = resource.Properties as { JwtConfiguration: { Audience: Value[] } };
    // Access tokens of Cognito name no audience, and API Gateway then compares the id of their client.
    jwt.Audience = [...jwt.Audience, ref(CLIENT)];
  }
}

function consoleClient(stageName: string): Resource {
  const address = sub('https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/console');
  return {
    Type: 'AWS::Cognito::UserPoolClient',
    Properties: {
      UserPoolId: imported(stageName, 'operators-pool'),
      ClientName: 'console',
      GenerateSecret: false,
      SupportedIdentityProviders: ['COGNITO'],
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid', ...Object.keys(toolkitScopes).map((scope) => SCOPE_PREFIX + scope)],
      CallbackURLs: [address],
      LogoutURLs: [address],
      ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      PreventUserExistenceErrors: 'ENABLED',
      AccessTokenValidity: TOKEN_MINUTES,
      IdTokenValidity: TOKEN_MINUTES,
      RefreshTokenValidity: REFRESH_HOURS,
      TokenValidityUnits: { AccessToken: 'minutes', IdToken: 'minutes', RefreshToken: 'hours' },
    },
  };
}
