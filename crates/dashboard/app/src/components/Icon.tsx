// Outline icons on a grid of 24, drawn for this dashboard. Each one stands next to a text.
const PATHS = {
  overview: 'M4 5h7v6H4zM13 5h7v4h-7zM13 11h7v8h-7zM4 13h7v6H4z',
  download: 'M12 4v11m0 0 4-4m-4 4-4-4M5 19h14',
  options: 'M4 7h9M17 7h3M15 5v4M4 12h3M11 12h9M9 10v4M4 17h9M17 17h3M15 15v4',
  import: 'M4 5h16v14H4zM4 10h16M12 10v6m0 0 2.500-2.500M12 16l-2.500-2.500',
  clear: 'M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3',
  archives: 'M4 5h16v4H4zM5 9v10h14V9M10 13h4',
  restore: 'M4 12a8 8 0 1 0 2.5-5.800M4 4v5h5M12 8v4l3 2',
  compare: 'M8 4v16M16 4v16M4 8l4-4 4 4M12 16l4 4 4-4',
  history: 'M4 4v16h16M7 15l4-5 3 3 5-7',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  more: 'M6 12v.010M12 12v.010M18 12v.01',
  upload: 'M12 15V4m0 0 4 4m-4-4-4 4M5 19h14',
  undo: 'M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6',
  refresh: 'M20 11a8 8 0 1 0-.6 4M20 5v6h-6',
  activity: 'M4 6h9M4 12h16M4 18h6M17 4v4M14 16v4',
  warning: 'M12 4 2.5 20h19zM12 10v4M12 17v.01',
  check: 'M5 12.500l4.5 4.500L19 7.5',
  error: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 8v5M12 16v.01',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5M12 8v.01',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.400M17.6 17.6 19 19M19 5l-1.4 1.400M6.4 17.6 5 19',
  moon: 'M20 14.500A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5',
  auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 3v18M12 7h4M12 12h8.500M12 17h4',
  leave: 'M14 8V5H5v14h9v-3M9 12h11m0 0-3-3m3 3-3 3',
  close: 'M6 6l12 12M18 6 6 18',
  students: 'M12 5 2 10l10 5 10-5zM6 12.500V17c2 2.5 10 2.5 12 0v-4.5',
  courses: 'M5 5h6a2 2 0 0 1 1 2v12a3 3 0 0 0-2-1H5zM19 5h-6a2 2 0 0 0-1 2v12a3 3 0 0 1 2-1h5z',
  enrollments: 'M9 5H6v15h12V5h-3M9 3.500h6v3H9zM9 13l2 2 4-4',
  payments: 'M3 6h18v12H3zM12 9.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M6 9v.010M18 15v.01',
  attendance: 'M5 6h14v14H5zM5 10h14M9 4v3M15 4v3M9 15l2 2 4-4',
  schedules: 'M5 6h14v14H5zM5 10h14M9 4v3M15 4v3M12 12.500V15l2 1.500',
  retention: 'M4 6h16M4 12h10M4 18h6M16 15l4 4M20 15l-4 4',
  destinations: 'M4 5h7v6H4zM13 13h7v6h-7zM11 8h5.500v5M14.500 11l2 2 2-2',
  notifications: 'M6 17V11a6 6 0 0 1 12 0v6zM4 17h16M10.500 20h3M12 3v2',
  accounts:
    'M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7M3 20c0-7 12-7 12 0M16 6a3 3 0 0 1 0 6M17.500 14.500c2.500.700 3.500 2.500 3.500 5.500',
  tokens: 'M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8M11 12l8-8M16 7l3 3M13.500 9.500l2 2',
  health: 'M3 13h4l2.500-7 4.500 12 2.500-5H21',
  audit: 'M6 4h9l4 4v12H6zM14 4v5h5M9 13h6M9 16.500h4',
  settings: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l4.500 4.500',
  copy: 'M9 9h10v11H9zM6 15H5V4h10v2',
  add: 'M12 5v14M5 12h14',
  total:
    'M12 4c4.5 0 8 1.3 8 3s-3.5 3-8 3-8-1.3-8-3 3.5-3 8-3M4 7v10c0 1.7 3.5 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.5 3 8 3s8-1.3 8-3',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
