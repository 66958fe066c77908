import { Stack } from '@mantine/core';
import { PageHeader } from '../../components/PageHeader';
import { OwnAccount } from '../accounts/OwnAccount';
import { Appearance } from './Appearance';
import { ServerOptions } from './ServerOptions';
import { ServiceFacts } from './ServiceFacts';

export default function Settings() {
  return (
    <>
      <PageHeader
        title="Settings"
        lead="Your own settings, the facts about this service, and where to change its settings."
      />
      <Stack gap="lg">
        <OwnAccount />
        <Appearance />
        <ServiceFacts />
        <ServerOptions />
      </Stack>
    </>
  );
}
