import { useEffect, useState } from 'react';

/** Accepts files that are dropped anywhere on the page. Returns whether files are dragged over it. */
export function useFileDrop(accept: (files: FileList) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    // A text that is dragged into an input field is not a file.
    const files = ({ dataTransfer }: DragEvent) =>
      dataTransfer?.types.includes('Files') ? dataTransfer : undefined;
    const over = (event: DragEvent) => {
      const data = files(event);
      if (!data) return;
      event.preventDefault();
      data.dropEffect = 'copy';
      setIsOver(true);
    };
    const leave = ({ relatedTarget }: DragEvent) => {
      if (relatedTarget === null) setIsOver(false);
    };
    const drop = (event: DragEvent) => {
      const data = files(event);
      if (!data) return;
      event.preventDefault();
      setIsOver(false);
      accept(data.files);
    };
    document.addEventListener('dragover', over);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', over);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  }, [accept]);
  return isOver;
}
