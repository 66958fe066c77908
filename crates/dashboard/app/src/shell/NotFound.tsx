import { Anchor } from '@mantine/core';
import { Link } from 'wouter';
import { PageHead } from '../parts/PageHead';

export function NotFound() {
  return (
    <>
      <PageHead
        title="There is no such page"
        lead="The address may be from another version of the dashboard."
      />
      <Anchor component={Link} href="/">
        To the overview
      </Anchor>
    </>
  );
}
