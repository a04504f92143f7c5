import { ref, sub, type Resource, type Resources, type Value } from '../template.ts';

export const ZONES = [1, 2, 3] as const;

export const tagged = (name: string): Value => [{ Key: 'Name', Value: sub(`\${AWS::StackName}-${name}`) }];

export const privateSubnet = (zone: number): string => `PrivateSubnet${zone}`;
export const privateRoutes = (zone: number): string => `PrivateRoutes${zone}`;

/**
 * Returns a subnet in one availability zone: a private subnet with 4,096 addresses, or a public subnet with 256 addresses for a
 * NAT gateway.
 */
export const subnet = (zone: number, kind: 'private' | 'public'): Resource => ({
  Type: 'AWS::EC2::Subnet',
  Properties: {
    VpcId: ref('Network'),
    CidrBlock: kind === 'private' ? `10.0.${zone * 16}.0/20` : `10.0.${zone}.0/24`,
    AvailabilityZone: { 'Fn::Select': [zone - 1, { 'Fn::GetAZs': '' }] },
    MapPublicIpOnLaunch: false,
    Tags: tagged(`${kind}-${zone}`),
  },
});

export const routeTable = (name: string): Resource => ({
  Type: 'AWS::EC2::RouteTable',
  Properties: { VpcId: ref('Network'), Tags: tagged(name) },
});

export const association = (subnetId: string, routeTableId: string): Resource => ({
  Type: 'AWS::EC2::SubnetRouteTableAssociation',
  Properties: { SubnetId: ref(subnetId), RouteTableId: ref(routeTableId) },
});

/**
 * Returns a VPC with a private subnet in each of three availability zones. This VPC has no route to the internet unless nat.ts
 * adds one.
 */
export const network = (): Resources => ({
  Network: {
    Type: 'AWS::EC2::VPC',
    Properties: {
      CidrBlock: '10.0.0.0/16',
      // Interface endpoints have private DNS names only if both settings are true.
      EnableDnsSupport: true,
      EnableDnsHostnames: true,
      Tags: tagged('network'),
    },
  },
  ...Object.fromEntries(
    ZONES.flatMap((zone) => [
      [privateSubnet(zone), subnet(zone, 'private')],
      [privateRoutes(zone), routeTable(`private-${zone}`)],
      [`${privateSubnet(zone)}Routes`, association(privateSubnet(zone), privateRoutes(zone))],
    ]),
  ),
});
