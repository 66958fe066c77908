import { Anchor, type MantineColorScheme, Radio, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';
import { Panel } from '../../components/Panel';
import { browserZone } from '../../locale/zone';
import { COLOR_SCHEMES, useColorScheme } from '../../shell/colorSchemes';

/** The settings of this browser. */
export function Appearance() {
  const { colorScheme, setColorScheme } = useColorScheme();
  return (
    <Panel label="This browser">
      <Stack gap="md">
        <Radio.Group
          label="Appearance"
          description="This browser remembers the choice."
          value={colorScheme}
          onChange={(value) => setColorScheme(value as MantineColorScheme)}
        >
          <Stack gap="xs" mt="xs">
            {COLOR_SCHEMES.map(({ value, label }) => (
              <Radio key={value} value={value} label={label} />
            ))}
          </Stack>
        </Radio.Group>
        <Text size="sm">
          Times are shown in the zone {browserZone()}, which is that of this computer. Numbers and dates have
          the format of your browser’s language. The style of CSV files is on the page{' '}
          <Anchor component={Link} href="/download" size="sm" underline="always">
            Download
          </Anchor>
          .
        </Text>
      </Stack>
    </Panel>
  );
}
