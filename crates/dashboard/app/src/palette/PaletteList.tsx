import { Combobox, Text, useCombobox } from '@mantine/core';
import { useEffect } from 'react';
import { Icon } from '../components/Icon';
import { useArchiveSearch } from '../components/useArchiveSearch';
import { pages } from '../pages/registry';
import { type CommandTarget, findCommands } from './commands';
import classes from './Palette.module.css';

/** The search and its list. The keys up and down choose, and Enter runs the command. */
export function PaletteList({
  onChoose,
  onClose,
}: {
  onChoose: (target: CommandTarget) => void;
  onClose: () => void;
}) {
  const { text, setText, found, isSearching } = useArchiveSearch();
  const groups = findCommands(text, pages, found?.items ?? []);
  const combobox = useCombobox({ opened: true });
  const { selectFirstOption } = combobox;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the first command is chosen for each search.
  useEffect(() => {
    selectFirstOption();
  }, [text, groups.length]);
  const choose = (id: string) => {
    const command = groups.flatMap(({ commands }) => commands).find((each) => each.id === id);
    if (command) onChoose(command.target);
  };
  return (
    <Combobox store={combobox} onOptionSubmit={choose}>
      <Combobox.EventsTarget>
        <input
          type="text"
          className={classes.search}
          aria-label="Search pages, actions and backups"
          placeholder="Search pages, actions and backups…"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            // The combobox keeps this key from the dialog, because it usually closes a list of its own.
            if (event.key === 'Escape') onClose();
          }}
          data-autofocus
        />
      </Combobox.EventsTarget>
      <Combobox.Options className={classes.list} aria-label="Commands">
        {groups.map(({ title, commands }) => (
          <Combobox.Group key={title} label={title}>
            {commands.map(({ id, label, icon }) => (
              <Combobox.Option key={id} value={id} className={classes.option}>
                <Icon name={icon} size={18} />
                <bdi>{label}</bdi>
              </Combobox.Option>
            ))}
          </Combobox.Group>
        ))}
        {groups.length === 0 && (
          <Combobox.Empty>{isSearching ? 'Searching…' : 'Nothing was found.'}</Combobox.Empty>
        )}
      </Combobox.Options>
      <Text size="xs" c="dimmed" className={classes.hint}>
        Up and Down choose, Enter opens, Escape closes.
      </Text>
    </Combobox>
  );
}
