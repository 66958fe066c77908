import { Anchor, Code, Stack, Table, Text, Title } from '@mantine/core';
import { Link } from 'wouter';
import { Panel } from '../../components/Panel';
import { SERVER_OPTIONS } from './facts';
import classes from './Settings.module.css';

/** The settings that administrators change on other pages. */
const PAGES: readonly { href: string; label: string }[] = [
  { href: '/schedules', label: 'Schedules' },
  { href: '/retention', label: 'Retention' },
  { href: '/destinations', label: 'Destinations' },
  { href: '/notifications', label: 'Notifications' },
  { href: '/accounts', label: 'Accounts' },
  { href: '/tokens', label: 'Tokens' },
];

/** Where each setting is changed: on a page, or with an option of the service. */
export function ServerOptions() {
  return (
    <Panel label="Where to change settings">
      <Stack gap="md">
        <Title order={2} size="h4">
          Where to change settings
        </Title>
        <Text size="sm">
          Each administrator can change these here:{' '}
          {PAGES.map(({ href, label }, index) => (
            <span key={href}>
              {index > 0 && ', '}
              <Anchor component={Link} href={href} size="sm" underline="always">
                {label}
              </Anchor>
            </span>
          ))}
          . The audit records each change.
        </Text>
        <Text size="sm">
          The operator of the server changes the following with options of <Code>campus-backup serve</Code>,
          or with environment variables, and restarts the service. <Code>campus-backup serve --help</Code>{' '}
          shows all of them.
        </Text>
        {SERVER_OPTIONS.map(({ title, options }) => (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
          <section key={title} className={classes.options} tabIndex={0} aria-label={title}>
            <Table verticalSpacing={6} captionSide="top">
              <Table.Caption className={classes.caption ?? ''}>{title}</Table.Caption>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">Setting</Table.Th>
                  <Table.Th scope="col">Option</Table.Th>
                  <Table.Th scope="col">Without the option</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {options.map(({ what, option, initial }) => (
                  <Table.Tr key={option}>
                    <Table.Th scope="row" fw={400}>
                      {what}
                    </Table.Th>
                    <Table.Td>
                      <Code className={classes.option ?? ''}>{option}</Code>
                    </Table.Td>
                    <Table.Td>{initial}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
        ))}
      </Stack>
    </Panel>
  );
}
