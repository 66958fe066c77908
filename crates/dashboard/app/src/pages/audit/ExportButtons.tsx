import { Button, Group } from '@mantine/core';
import { type AuditFilter, auditFilePath } from '../../api/audit';
import { Icon } from '../../components/Icon';
import { counted } from '../../locale/format';
import { current } from '../../transfers/csvStyle';
import { downloadInPage } from '../../transfers/store';

/** Downloads all events of the filter, not only those of the page. */
export function ExportButtons({ filter, total }: { filter: AuditFilter; total: number }) {
  const download = (format: 'csv' | 'jsonl') => {
    const options = { format, ...(format === 'csv' && { delimiter: current().delimiter }) };
    const name = `Audit as ${format === 'csv' ? 'CSV' : 'JSON Lines'}`;
    downloadInPage(name, { path: auditFilePath(filter, options), format, expectedRows: total });
  };
  return (
    <Group gap="xs" role="group" aria-label={`Export ${counted(total, 'event', 'events')}`}>
      <Button
        variant="default"
        leftSection={<Icon name="download" size={18} />}
        onClick={() => download('csv')}
      >
        Export as CSV
      </Button>
      <Button variant="default" onClick={() => download('jsonl')}>
        Export as JSON Lines
      </Button>
    </Group>
  );
}
