export default {
	interrupted: 'Interrupted. Choose the file again to go on.',
	fileWaits: 'Waiting for the connection…',
	fileSize: '{done} of {size}',
	fileTooLarge: 'Files may have at most {size}.',
	fileType: 'Files of this kind cannot be sent.',
	fileEmpty: 'The file is empty.',
	filesFull: 'There is no room for more files.',
	fileFailed: 'The file could not be sent.',
	tooManyFiles: 'At most {n} files at a time.'
};
