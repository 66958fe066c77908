import { Stack } from '@mantine/core';
import { PageHeader } from '../../components/PageHeader';
import { OwnAccount } from '../accounts/OwnAccount';
import { Appearance } from './Appearance';
import { ServerOptions } from './ServerOptions';
import { ServiceFacts } from './ServiceFacts';

export default function Settings() {
  return (
    <>
      <PageHeader title="Settings" lead="Your own settings, what this service uses, and who can change it." />
      <Stack gap="lg">
        <OwnAccount />
        <Appearance />
        <ServiceFacts />
        <ServerOptions />
      </Stack>
    </>
  );
}
