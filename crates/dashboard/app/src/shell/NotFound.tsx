import { Anchor } from '@mantine/core';
import { Link } from 'wouter';
import { PageHeader } from '../components/PageHeader';

export function NotFound() {
  return (
    <>
      <PageHeader
        title="Page not found"
        lead="The address may be wrong, or from another version of the dashboard."
      />
      <Anchor component={Link} href="/">
        Show the home page
      </Anchor>
    </>
  );
}
