import { attribute, ref, type Resource, type Resources } from '../template.ts';
import { association, privateRoutes, routeTable, subnet, tagged, ZONES } from './network.ts';

const EVERYWHERE = '0.0.0.0/0';

/**
 * Returns one NAT gateway in each of the first `exitZones` availability zones. A private subnet in a zone without a NAT
 * gateway uses the last of these NAT gateways.
 */
export function nat(exitZones: number): Resources {
  const inZone = (zone: number): [string, Resource][] => [
    [`PublicSubnet${zone}`, subnet(zone, 'public')],
    [`PublicSubnet${zone}Routes`, association(`PublicSubnet${zone}`, 'PublicRoutes')],
    [
      `NatAddress${zone}`,
      {
        Type: 'AWS::EC2::EIP',
        DependsOn: 'InternetAttachment',
        Properties: { Domain: 'vpc', Tags: tagged(`nat-${zone}`) },
      },
    ],
    [
      `NatGateway${zone}`,
      {
        Type: 'AWS::EC2::NatGateway',
        Properties: {
          AllocationId: attribute(`NatAddress${zone}`, 'AllocationId'),
          SubnetId: ref(`PublicSubnet${zone}`),
          Tags: tagged(`nat-${zone}`),
        },
      },
    ],
  ];
  const privateRoute = (zone: number): [string, Resource] => [
    `${privateRoutes(zone)}Out`,
    {
      Type: 'AWS::EC2::Route',
      Properties: {
        RouteTableId: ref(privateRoutes(zone)),
        DestinationCidrBlock: EVERYWHERE,
        NatGatewayId: ref(`NatGateway${Math.min(zone, exitZones)}`),
      },
    },
  ];
  return {
    Internet: { Type: 'AWS::EC2::InternetGateway', Properties: { Tags: tagged('internet') } },
    InternetAttachment: {
      Type: 'AWS::EC2::VPCGatewayAttachment',
      Properties: { VpcId: ref('Network'), InternetGatewayId: ref('Internet') },
    },
    PublicRoutes: routeTable('public'),
    PublicRoutesOut: {
      Type: 'AWS::EC2::Route',
      DependsOn: 'InternetAttachment',
      Properties: {
        RouteTableId: ref('PublicRoutes'),
        DestinationCidrBlock: EVERYWHERE,
        GatewayId: ref('Internet'),
      },
    },
    ...Object.fromEntries(ZONES.filter((zone) => zone <= exitZones).flatMap(inZone)),
    ...Object.fromEntries(ZONES.map(privateRoute)),
  };
}
