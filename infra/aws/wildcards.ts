/** Why a statement names no single resource, by its `Sid`. A statement with a wildcard that is not here does not pass the tests. */
export const wildcardReasons: Readonly<Record<string, string>> = {
  NetworkInterfaces: 'Lambda makes the interfaces: they have no ARN beforehand, and Describe knows no resources.',
  NetworkInterfacesAreNotForCode: 'It refuses: the wider, the better.',
  RemovedEventSources:
    "Lambda names event sources at random; the condition lets only those of this stage's functions go.",
  EventSourcesLeft: 'It only looks, and event sources are named at random.',
  NetworkInterfacesLeft: 'It only looks, and Describe knows no resources.',
  TablesOfThisStage:
    "An endpoint only narrows what roles allow; theirs name each table. All of them begin with the stage's name.",
  AnswersToCloudFormation:
    'The bucket is named by CloudFormation, after a region, and the object after the request; the address is signed.',
  FunctionsOfThisStage:
    'The stack of the functions comes after this one; their names all begin with the name of the stage.',
  RolesOfThisStage: 'CloudFormation ends the names of roles at random; they begin with the name of the stack.',
  LoginsOfThisStage: 'Secrets Manager ends the ARNs of secrets at random; roles name each.',
};
