import { Anchor } from '@mantine/core';
import { Link } from 'wouter';
import { PageHeader } from '../components/PageHeader';

export function NotFound() {
  return (
    <>
      <PageHeader
        title="There is no such page"
        lead="The address may be from another version of the dashboard."
      />
      <Anchor component={Link} href="/">
        To the overview
      </Anchor>
    </>
  );
}
