import { Badge, Button, Code, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type AuditVerification, auditVerification, verifyAudit } from '../../api/audit';
import { queries } from '../../api/queries';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { counted, dateTimeZone, number } from '../../locale/format';
import classes from './Audit.module.css';
import { faultText, NOTED } from './verification';

/** Proves that no event was changed, removed or added, and shows the last proof of this session. */
export function VerifyAudit() {
  const { data: last } = useQuery(auditVerification);
  const [noted, setNoted] = useState('');
  const verify = useMutation({
    mutationFn: verifyAudit,
    onSuccess: (found) => queries.setQueryData(auditVerification.queryKey, found),
  });
  const isWrong = noted.trim() !== '' && !NOTED.test(noted.trim());
  return (
    <Panel label="Verification of the audit">
      <Stack gap="sm">
        <Group gap="sm">
          <Title order={2} size="h4">
            Is the audit unchanged?
          </Title>
          <Mark last={last} />
        </Group>
        {last && <Outcome verification={last} />}
        {verify.error && <ProblemAlert error={verify.error} title="The audit could not be verified" />}
        <Group gap="sm" align="flex-end" data-no-print>
          <TextInput
            className={classes.noted ?? ''}
            label="An event that you have noted before (optional)"
            description="Its number, a colon and its hash. It finds even a chain that was computed again."
            value={noted}
            onChange={(event) => setNoted(event.currentTarget.value)}
            error={isWrong && 'Enter a number, a colon and the 64 digits of the hash.'}
            spellCheck={false}
            autoComplete="off"
          />
          <Button loading={verify.isPending} disabled={isWrong} onClick={() => verify.mutate(noted.trim())}>
            Verify the audit
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}

function Mark({ last }: { last: AuditVerification | null }) {
  if (last === null) {
    return (
      <Badge variant="light" color="gray">
        Not verified in this session
      </Badge>
    );
  }
  return (
    <Badge variant="light" color={last.report.ok ? 'green' : 'red'}>
      {last.report.ok ? 'Verified' : 'Not intact'}
    </Badge>
  );
}

function Outcome({ verification: { report, at } }: { verification: AuditVerification }) {
  const when = `Verified: ${dateTimeZone(at)}, ${counted(report.events, 'event', 'events')} in ${number(Math.max(1, report.seconds))} s.`;
  if (!report.ok) {
    return (
      <Notice kind="error" role="alert" title="The audit is not intact">
        {faultText(report)} {when}
      </Notice>
    );
  }
  return (
    <Notice kind="success" role="status" title="The audit is complete and unchanged">
      <Text size="sm">{when}</Text>
      {report.last_id > 0 && (
        <Text size="sm">
          Note the newest event in another place:{' '}
          <Code>
            {report.last_id}:{report.last_hash}
          </Code>
        </Text>
      )}
    </Notice>
  );
}
