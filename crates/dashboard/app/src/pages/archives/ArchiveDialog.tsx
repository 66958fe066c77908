import { Modal } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { dateTime } from '../../locale/format';
import { DeleteQuestion } from './DeleteQuestion';
import { Details } from './Details';
import { EditForm } from './EditForm';
import { TakeForm } from './TakeForm';

/** What is asked about one archive, or about none yet. */
export type Asked = { what: 'take' } | { what: 'edit' | 'delete' | 'details'; archive: Archive };

interface Props {
  opened: boolean;
  opening: { key: number; subject: Asked } | undefined;
  onClose: (key: number) => void;
}

/** The dialog of the page. What is in it belongs to one opening. */
export function ArchiveDialog({ opened, opening, onClose }: Props) {
  const close = () => opening && onClose(opening.key);
  return (
    <Modal
      opened={opened}
      onClose={close}
      returnFocus={false}
      size={opening?.subject.what === 'details' ? 'lg' : 'md'}
      title={opening && titleOf(opening.subject)}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opening && <Content key={opening.key} asked={opening.subject} onClose={close} />}
    </Modal>
  );
}

function Content({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  switch (asked.what) {
    case 'take':
      return <TakeForm onClose={onClose} />;
    case 'edit':
      return <EditForm archive={asked.archive} onClose={onClose} />;
    case 'delete':
      return <DeleteQuestion archive={asked.archive} onClose={onClose} />;
    case 'details':
      return <Details archive={asked.archive} />;
  }
}

function titleOf(asked: Asked): string {
  switch (asked.what) {
    case 'take':
      return 'Take a backup';
    case 'edit':
      return 'Name and note';
    case 'delete':
      return 'Delete an archive';
    case 'details':
      return asked.archive.label ?? dateTime(asked.archive.created_at);
  }
}
