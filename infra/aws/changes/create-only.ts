// Written by create-only.py.

/** The version of cfn-lint whose schemas this file contains. */
export const source = 'cfn-lint 1.51.0';

/**
 * For each resource type, the properties whose change makes CloudFormation replace the resource, either always or only
 * for some values.
 */
export const createOnly = {
  'AWS::AmazonMQ::Broker': {
    always: [
      'AuthenticationStrategy',
      'BrokerName',
      'DeploymentMode',
      'EncryptionOptions',
      'EngineType',
      'PubliclyAccessible',
      'StorageType',
      'SubnetIds',
    ],
  },
  'AWS::AmazonMQ::Configuration': {
    always: ['AuthenticationStrategy', 'EngineType', 'EngineVersion', 'Name'],
  },
  'AWS::ApiGatewayV2::Api': {
    always: ['ProtocolType'],
  },
  'AWS::ApiGatewayV2::Authorizer': {
    always: ['ApiId'],
  },
  'AWS::ApiGatewayV2::Integration': {
    always: ['ApiId'],
  },
  'AWS::ApiGatewayV2::Route': {
    always: ['ApiId'],
  },
  'AWS::ApiGatewayV2::Stage': {
    always: ['ApiId', 'StageName'],
  },
  'AWS::CloudFormation::WaitConditionHandle': {
    always: [],
  },
  'AWS::CloudWatch::Alarm': {
    always: ['AlarmName'],
  },
  'AWS::CloudWatch::Dashboard': {
    always: ['DashboardName'],
  },
  'AWS::CodeDeploy::Application': {
    always: ['ApplicationName', 'ComputePlatform'],
  },
  'AWS::CodeDeploy::DeploymentConfig': {
    always: ['ComputePlatform', 'DeploymentConfigName', 'MinimumHealthyHosts', 'TrafficRoutingConfig', 'ZonalConfig'],
  },
  'AWS::CodeDeploy::DeploymentGroup': {
    always: ['ApplicationName', 'DeploymentGroupName'],
  },
  'AWS::Cognito::UserPool': {
    always: [],
  },
  'AWS::Cognito::UserPoolClient': {
    always: ['GenerateSecret', 'UserPoolId'],
  },
  'AWS::Cognito::UserPoolDomain': {
    always: ['Domain', 'UserPoolId'],
  },
  'AWS::Cognito::UserPoolResourceServer': {
    always: ['Identifier', 'UserPoolId'],
  },
  'AWS::DynamoDB::Table': {
    always: ['ImportSourceSpecification', 'TableName'],
    sometimes: ['KeySchema'],
  },
  'AWS::EC2::EIP': {
    always: ['Address', 'IpamPoolId', 'NetworkBorderGroup', 'TransferAddress'],
  },
  'AWS::EC2::FlowLog': {
    always: [
      'DeliverCrossAccountRole',
      'DeliverLogsPermissionArn',
      'DestinationOptions',
      'LogDestination',
      'LogDestinationType',
      'LogFormat',
      'LogGroupName',
      'MaxAggregationInterval',
      'ResourceId',
      'ResourceType',
      'TrafficType',
    ],
  },
  'AWS::EC2::InternetGateway': {
    always: [],
  },
  'AWS::EC2::NatGateway': {
    always: ['AllocationId', 'AvailabilityMode', 'ConnectivityType', 'PrivateIpAddress', 'SubnetId', 'VpcId'],
  },
  'AWS::EC2::Route': {
    always: ['DestinationCidrBlock', 'DestinationIpv6CidrBlock', 'DestinationPrefixListId', 'RouteTableId'],
  },
  'AWS::EC2::RouteTable': {
    always: ['VpcId'],
  },
  'AWS::EC2::SecurityGroup': {
    always: ['GroupDescription', 'GroupName', 'VpcId'],
  },
  'AWS::EC2::SecurityGroupEgress': {
    always: [
      'CidrIp',
      'CidrIpv6',
      'DestinationPrefixListId',
      'DestinationSecurityGroupId',
      'FromPort',
      'GroupId',
      'IpProtocol',
      'ToPort',
    ],
  },
  'AWS::EC2::SecurityGroupIngress': {
    always: [
      'CidrIp',
      'CidrIpv6',
      'FromPort',
      'GroupId',
      'GroupName',
      'IpProtocol',
      'SourcePrefixListId',
      'SourceSecurityGroupId',
      'SourceSecurityGroupName',
      'SourceSecurityGroupOwnerId',
      'ToPort',
    ],
  },
  'AWS::EC2::Subnet': {
    always: [
      'AvailabilityZone',
      'AvailabilityZoneId',
      'CidrBlock',
      'Ipv4IpamPoolId',
      'Ipv4NetmaskLength',
      'Ipv6IpamPoolId',
      'Ipv6Native',
      'Ipv6NetmaskLength',
      'OutpostArn',
      'VpcId',
    ],
    sometimes: ['Ipv6CidrBlock'],
  },
  'AWS::EC2::SubnetRouteTableAssociation': {
    always: ['RouteTableId', 'SubnetId'],
  },
  'AWS::EC2::VPC': {
    always: ['CidrBlock', 'Ipv4IpamPoolId', 'Ipv4NetmaskLength'],
    sometimes: ['InstanceTenancy'],
  },
  'AWS::EC2::VPCEndpoint': {
    always: [
      'DnsOptions.PrivateDnsPreference',
      'DnsOptions.PrivateDnsSpecifiedDomains',
      'ResourceConfigurationArn',
      'ServiceName',
      'ServiceNetworkArn',
      'ServiceRegion',
      'VpcEndpointType',
      'VpcId',
    ],
  },
  'AWS::EC2::VPCGatewayAttachment': {
    always: ['VpcId'],
  },
  'AWS::Events::Rule': {
    always: ['Name'],
    sometimes: ['EventBusName'],
  },
  'AWS::IAM::Role': {
    always: ['Path', 'RoleName'],
  },
  'AWS::Lambda::Alias': {
    always: ['FunctionName', 'Name'],
  },
  'AWS::Lambda::EventInvokeConfig': {
    always: ['FunctionName', 'Qualifier'],
  },
  'AWS::Lambda::EventSourceMapping': {
    always: ['EventSourceArn', 'SelfManagedEventSource', 'StartingPosition', 'StartingPositionTimestamp'],
  },
  'AWS::Lambda::Function': {
    always: ['FunctionName', 'PackageType', 'TenancyConfig'],
    sometimes: ['DurableConfig'],
  },
  'AWS::Lambda::Permission': {
    always: [
      'Action',
      'EventSourceToken',
      'FunctionName',
      'FunctionUrlAuthType',
      'InvokedViaFunctionUrl',
      'Principal',
      'PrincipalOrgID',
      'SourceAccount',
      'SourceArn',
    ],
  },
  'AWS::Lambda::Version': {
    always: ['CodeSha256', 'Description', 'FunctionName', 'ProvisionedConcurrencyConfig', 'RuntimePolicy'],
  },
  'AWS::Logs::LogGroup': {
    always: ['LogGroupName'],
  },
  'AWS::Logs::ResourcePolicy': {
    always: ['PolicyName'],
  },
  'AWS::S3::Bucket': {
    always: ['BucketName', 'BucketNamePrefix', 'BucketNamespace'],
  },
  'AWS::S3::BucketPolicy': {
    always: ['Bucket'],
  },
  'AWS::SNS::Subscription': {
    always: ['Endpoint', 'Protocol', 'TopicArn'],
    sometimes: ['Region'],
  },
  'AWS::SNS::Topic': {
    always: ['FifoTopic', 'TopicName'],
  },
  'AWS::SecretsManager::RotationSchedule': {
    always: ['SecretId'],
  },
  'AWS::SecretsManager::Secret': {
    always: ['Name'],
  },
};
