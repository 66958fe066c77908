declare module 'virtual:theme.css';

/** The version of the program. It is empty in a build without Cargo. */
declare const __VERSION__: string;
