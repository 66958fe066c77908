import { Badge, Table, Text, Title } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { Panel } from '../../components/Panel';
import { defectOf, verificationStatus } from '../../components/verification';
import { dateTime, duration } from '../../locale/format';
import classes from './Archives.module.css';

type Verification = Archive['verifications'][number];

/** All recorded verifications of a backup, newest first. */
export function VerificationTable({ archive }: { archive: Archive }) {
  const { verifications } = archive;
  return (
    <Panel label="Verification history">
      <Title order={2} size="h4" mb="sm">
        Verification history
      </Title>
      <Text size="sm">{verificationStatus(archive).description}</Text>
      {verifications.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
        <section className={classes.tables} tabIndex={0} aria-label="Verifications">
          <Table verticalSpacing={6} mt="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">When</Table.Th>
                <Table.Th scope="col">Check</Table.Th>
                <Table.Th scope="col">Result</Table.Th>
                <Table.Th scope="col">Took</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {verifications.map((each) => (
                <Table.Tr key={each.at}>
                  <Table.Td>{dateTime(each.at)}</Table.Td>
                  <Table.Td>{each.level === 'digest' ? 'Read completely' : 'Test restore'}</Table.Td>
                  <Table.Td>{result(each)}</Table.Td>
                  <Table.Td>{duration(Math.max(1, each.seconds))}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      )}
    </Panel>
  );
}

function result({ result, code }: Verification) {
  if (result === 'ok') {
    return (
      <Badge variant="light" color="green">
        Intact
      </Badge>
    );
  }
  return (
    <>
      <Badge variant="light" color="red">
        Damaged
      </Badge>{' '}
      {defectOf(code)}
    </>
  );
}
