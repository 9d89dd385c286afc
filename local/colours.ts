import pc from 'picocolors';

/**
 * Colours only where a person looks: on a terminal, and never with NO_COLOR. (picocolors by itself takes a CI system for
 * a terminal, and then what is piped to a file is full of escape codes.)
 */
export const colours = pc.createColors(process.stdout.isTTY === true && pc.isColorSupported);
